// Sends: the payload of each message of the flow goes to the instrument.
module.exports = function register(RED) {
  function SerpyOut(config) {
    RED.nodes.createNode(this, config);
    const target = RED.nodes.getNode(config.connection);
    if (!target) {
      this.status({ fill: 'red', shape: 'dot', text: 'no connection is selected' });
      this.on('input', (_msg, _send, done) => {
        done(new Error('serpy: no connection is selected: open the node and select one'));
      });
      return;
    }
    const timeoutMs = Number(config.timeoutMs) || 1000;
    const detach = target.attach(this);
    this.on('input', async (msg, _send, done) => {
      try {
        if (await target.connection().sendData(msg.payload, { timeoutMs })) done();
        else done(new Error(`serpy: the message was not queued within ${timeoutMs} ms: the instrument does not read`));
      } catch (error) {
        done(error);
      }
    });
    this.on('close', detach);
  }

  RED.nodes.registerType('serpy-out', SerpyOut);
};
