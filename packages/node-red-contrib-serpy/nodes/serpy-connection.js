// The configuration node: one connection to an instrument, which any number of other nodes share.
const { connect } = require('serpy');

module.exports = function register(RED) {
  function SerpyConnection(config) {
    RED.nodes.createNode(this, config);
    const shown = new Map(); // nodes with the function that sets their status
    const receivers = new Set();
    const attached = new Set(); // functions that continue reading
    let connection;
    let state = { fill: 'yellow', shape: 'ring', text: 'connecting' };
    let isReading = false;
    let isClosed = false;

    const show = (fill, shape, text) => {
      state = { fill, shape, text };
      for (const setStatus of shown.values()) setStatus(state);
    };

    /** Shows an error under each node, and in the log once. */
    const fail = (error) => {
      if (isClosed) return;
      show('red', 'dot', error.message);
      this.error(error.message);
    };

    // Only while a node receives: otherwise messages wait, and the instrument slows down instead of losing them.
    const read = async () => {
      if (isReading || receivers.size === 0 || connection === undefined) return;
      isReading = true;
      try {
        for await (const message of connection.messages()) {
          while (receivers.size === 0) await new Promise((resolve) => attached.add(resolve)); // a deployment replaces the node
          for (const receive of receivers) receive(message);
        }
      } catch (error) {
        fail(error);
      }
    };

    const prepare = (each) => {
      connection = each;
      each.on('warning', (error) => this.warn(error.message));
      each.on('connect', () => show('green', 'dot', 'connected'));
      each.on('reconnect', () => show('green', 'dot', 'connected'));
      each.on('reconnecting', () => show('yellow', 'ring', 'reconnecting'));
      each.on('close', ({ error, reason }) => {
        if (!isClosed) show('red', 'dot', error?.message ?? `closed (${reason})`);
      });
    };

    /** The name in the editor, for messages and errors. */
    this.label = config.name || config.url;

    /** Shows the state of the connection under a node. */
    this.attach = (other, receive) => {
      const setStatus = (status) => other.status(status);
      shown.set(other, setStatus);
      setStatus(state);
      if (receive) {
        receivers.add(receive);
        for (const proceed of attached) proceed();
        attached.clear();
      }
      void read();
      return () => {
        shown.delete(other);
        receivers.delete(receive);
      };
    };

    /** The connection; throws a sentence if there is none, because its address or its key is wrong. */
    this.connection = () => {
      if (connection) return connection;
      throw new Error(`serpy: ${state.text}`);
    };

    // The editor stops a flow while its instrument is still awaited: closing ends the attempts.
    this.on('close', (done) => {
      isClosed = true;
      const closing = connection ? connection.close({ reason: 'the flow was stopped' }) : Promise.resolve();
      closing.catch(() => {}).then(() => done());
    });

    try {
      connect(optionsOf(config), { prepare }).then(read, fail);
      void read();
    } catch (error) {
      fail(error);
    }
  }

  RED.nodes.registerType('serpy-connection', SerpyConnection);
};

/** What `connect` takes: the address has the protocol and its options, and the key stays in a file, because flows are shared. */
function optionsOf({ url, keyFile }) {
  const { parseUrl } = require('serpy');
  if (!url) throw new Error('the connection has no address: enter one such as serpy2://192.168.1.20:5001');
  const options = parseUrl(url);
  return keyFile ? { ...options, key: { file: keyFile } } : options;
}
