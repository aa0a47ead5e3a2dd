// Inside the browser: hands the checks to who drives it.

import { refused, works } from "./checks.js";

window.checks = { works, refused };
