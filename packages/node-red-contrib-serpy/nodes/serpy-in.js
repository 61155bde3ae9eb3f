// Receives: each message of the instrument becomes a message of the flow.
module.exports = function register(RED) {
  function SerpyIn(config) {
    RED.nodes.createNode(this, config);
    const source = RED.nodes.getNode(config.connection);
    if (!source) {
      this.status({ fill: 'red', shape: 'dot', text: 'no connection is selected' });
      return;
    }
    const detach = source.attach(this, ({ value, protocol, type }) => {
      this.send({ topic: config.topic || source.label, payload: value, serpy: { protocol, type } });
    });
    this.on('close', detach);
  }

  RED.nodes.registerType('serpy-in', SerpyIn);
};
