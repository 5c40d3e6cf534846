#!/usr/bin/env node
/** @file The `limbeck` program. */

import { runCommandLine } from "./program.js";
import { processTerminal } from "./terminal.js";

process.exitCode = await runCommandLine(process.argv.slice(2), { terminal: processTerminal() });
