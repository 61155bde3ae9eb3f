// Requests: the payload goes to the instrument, and its answer leaves in the same message of the flow.
module.exports = function register(RED) {
  function SerpyRequest(config) {
    RED.nodes.createNode(this, config);
    const target = RED.nodes.getNode(config.connection);
    if (!target) {
      this.status({ fill: 'red', shape: 'dot', text: 'no connection is selected' });
      this.on('input', (_msg, _send, done) => {
        done(new Error('serpy: no connection is selected: open the node and select one'));
      });
      return;
    }
    const timeoutMs = Number(config.timeoutMs) || 10_000;
    const stopped = new AbortController();
    const detach = target.attach(this);
    this.on('input', async (msg, send, done) => {
      try {
        msg.payload = await target.connection().request(msg.payload, { timeoutMs, signal: stopped.signal });
        send(msg);
        done();
      } catch (error) {
        done(error);
      }
    });
    this.on('close', () => {
      stopped.abort(new Error('the flow was stopped'));
      detach();
    });
  }

  RED.nodes.registerType('serpy-request', SerpyRequest);
};
