// Reads the DTDL models of docs/ with the parser for DTDL, together, as they refer to one another.
//
// Argument: the folder. Prints one {"event": "capability"} for each thing tried and ends with 0
// when the script came to its end, whatever the verdicts. Run by `cargo xtask interop`.
'use strict';

const fs = require('fs');
const path = require('path');
const { createParser, ModelParsingOption } = require('@azure/dtdl-parser');

/** What the parser says of these texts: how many elements they have, or what is wrong. */
async function read(texts) {
  const parser = createParser(ModelParsingOption.PermitAnyTopLevelElement);
  try {
    return { elements: Object.keys(await parser.parse(texts)).length };
  } catch (error) {
    const causes = error._parsingErrors ?? [];
    return { wrong: [error.message, ...causes.map((cause) => cause.cause ?? cause.message)].join('; ') };
  }
}

function say(name, wrong, detail) {
  const ok = wrong.length === 0;
  console.log(JSON.stringify({ event: 'capability', name, ok, detail: ok ? detail : wrong.join('; ') }));
}

async function main([folder]) {
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.dtdl.json')).sort();
  const texts = files.map((file) => fs.readFileSync(path.join(folder, file), 'utf8'));
  const whole = await read(texts);
  // Fewer than three: somebody moved them, and nothing was read.
  const missing = files.length < 3 ? [`only ${files.length} models in ${folder}`] : [];
  say('models parsed', [...missing, ...(whole.wrong ? [whole.wrong] : [])], `${files.length} models, ${whole.elements} elements`);

  const swap = (from, to) => texts.map((text) => text.replaceAll(from, to));
  const broken = [
    ['a schema that there is not', swap('"boolean"', '"bool"')],
    ['a kind of content that there is not', swap('"Telemetry"', '"Telemetrie"')],
    ['a model that is referred to and not there', texts.filter((text) => !text.includes('"@id": "dtmi:fruitCounter:Counts;1"'))],
  ];
  const accepted = [];
  for (const [what, copy] of broken) {
    if (copy.join() === texts.join()) accepted.push(`${what}: nothing to break`);
    else if (!(await read(copy)).wrong) accepted.push(`${what}: accepted`);
  }
  say('broken models refused', accepted, broken.map(([what]) => what).join('; '));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
