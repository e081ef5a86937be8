exports.wait = (ms) => {
  var end = Date.now() + ms;
  while (Date.now() < end);
};
