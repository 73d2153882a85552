const child_process = require("child_process");
import { exec } from "child_process";
import * as cp from "child_process";
child_process.exec("a");
exec("b");
cp.exec("c");
other.exec("d");
