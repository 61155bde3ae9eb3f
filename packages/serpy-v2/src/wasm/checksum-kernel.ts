/** wasm/checksum.wat, assembled by the build. Change it there. */
export const checksumKernel =
  'AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAQcQAgZtZW1vcnkCAANzdW0AAApoAWYCAX8BewJAA0AgASAATw0BIAIgAf0ABAD9fSAB' +
  '/QAEEP19/Y4BIAH9AAQg/X0gAf0ABDD9ff2OAf2OAf1//a4BIQIgAUHAAGohAQwACwsgAv0bACAC/RsBaiAC/RsCIAL9GwNqags=';
