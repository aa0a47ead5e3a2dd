// gRPC-Web from Node. A program has no origin, so it is let in.
//
//   node.js ADDRESS works

import { works } from "./checks.js";

const [address, scenario] = process.argv.slice(2);
await { works }[scenario](`http://${address}`);
// Nothing that is still under way holds this program.
process.exit(0);
