#!/usr/bin/env node
// Plain JavaScript, so that an old Node can at least read it and say what is wrong.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`steelyard needs Node 22.18 or later, this is ${process.versions.node}: run it by 'npx steelyard' or install a newer Node.`);
  process.exit(1);
}
await import('@steelyard/core/main');
