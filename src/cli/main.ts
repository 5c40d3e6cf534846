#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=1048576 node
/** @file The `limbeck` program. Its first line has memory given back that models leave: docs/decisions/0012. */

import { runCommandLine } from "./program.js";
import { processTerminal } from "./terminal.js";

process.exitCode = await runCommandLine(process.argv.slice(2), { terminal: processTerminal() });
