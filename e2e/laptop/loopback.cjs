// The server listens on every address and has no setting for that. Loaded before it, this makes
// it listen on loopback, so that nobody on the network reaches it past the proxy.
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const isPort = typeof port === "number" || typeof port === "string";
  const hasHost = typeof rest[0] === "string";
  return isPort && !hasHost
    ? listen.call(this, port, "127.0.0.1", ...rest)
    : listen.call(this, port, ...rest);
};
