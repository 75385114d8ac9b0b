// Compiles EventLedger for London and writes its artifact: `node contracts/compile.mjs [OUT]`.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(join(process.env.CARTULARY_NODE_MODULES ?? join(here, "..", "node_modules"), "_"))("solc");
const source = readFileSync(join(here, "EventLedger.sol"), "utf8");
const settings = {
  evmVersion: "london",
  optimizer: { enabled: true, runs: 10000 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { EventLedger: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};
const input = { language: "Solidity", sources: { "EventLedger.sol": { content: source } }, settings };
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const problems = output.errors ?? [];
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length > 0) process.exit(1);
const contract = output.contracts["EventLedger.sol"].EventLedger;
const artifact = {
  contract: "EventLedger",
  compiler: solc.version(),
  evmVersion: settings.evmVersion,
  optimizerRuns: settings.optimizer.runs,
  source: createHash("sha256").update(source).digest("hex"),
  abi: contract.abi,
  bytecode: contract.evm.bytecode.object,
  deployed: contract.evm.deployedBytecode.object,
};
const out = process.argv[2] ?? join(here, "..", "libs", "ledger", "artifacts", "event_ledger.json");
writeFileSync(out, JSON.stringify(artifact, null, 1) + "\n");
