var index = require("./index");
module.exports = {
  join: (list, separator) => list.join(separator) + ":" + index.count,
  circular: () => typeof index.join,
};
