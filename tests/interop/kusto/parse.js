'use strict';
// Reads the Kusto files with Microsoft's own parser, the one of the web editor: each query against the
// schema that setup.kql makes. That a mistake is seen is shown with broken copies of every file.
//
// Argument: docs/dashboards. Prints one {"event": "capability"} for each thing tried and ends with 0
// when the script came to its end, whatever the verdicts. Run by `cargo xtask interop`.

const fs = require('node:fs');
const path = require('node:path');
// It is made for browsers: the runtime that it needs first, both in the global scope.
require('@kusto/language-service-next/bridge.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.js');

const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;

/** What the engine would say of a text: its errors, with line numbers. */
function mistakes(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const diagnostics = code.GetDiagnostics();
  const found = [];
  for (let i = 0; i < diagnostics.Count; i += 1) {
    const { Severity, Message, Start } = diagnostics.getItem(i);
    if (Severity === 'Error') {
      const line = text.slice(0, Start).split('\n').length;
      found.push(`line ${line}: ${Message}`);
    }
  }
  return found;
}

/** The commands of a script: each begins with a dot at the begin of a line. */
function commands(text) {
  const bare = text.split('\n').filter((line) => !line.startsWith('//')).join('\n');
  return bare.split(/\n(?=\.)/).map((command) => command.trim()).filter((command) => command !== '');
}

function database(symbols) {
  const db = new Symbols.DatabaseSymbol.ctor('counts', symbols);
  return GlobalState.Default.WithDatabase(db);
}

/** What the commands make: the table, the view with the columns of its query, the functions. */
function schema(script) {
  const all = commands(script);
  const one = (pattern) => {
    const found = all.map((command) => pattern.exec(command)).filter((match) => match !== null);
    if (found.length === 0) throw new Error(`no command matches ${pattern}`);
    return found;
  };
  const [table] = one(/^\.create-merge table (\w+) (\(.*\))$/s);
  const symbols = [new Symbols.TableSymbol.$ctor7(table[1], table[2], '')];
  const [view] = one(/^\.create-or-alter materialized-view .*?\) (\w+) on table \w+\n\{(.*)\}$/s);
  const columns = KustoCode.ParseAndAnalyze(view[2], database(symbols)).ResultType;
  symbols.push(new Symbols.MaterializedViewSymbol.$ctor2(view[1], columns.Columns, view[2], ''));
  for (const [, name, parameters, body] of one(/^\.create-or-alter function with \([^)]*\) (\w+)(\([^)]*\))\n(\{.*\})$/s)) {
    symbols.push(new Symbols.FunctionSymbol.$ctor16(name, parameters, body, ''));
  }
  return { globals: database(symbols), names: symbols.map((symbol) => symbol.Name), commands: all };
}

function mistakesOfAll(all, globals) {
  return all.flatMap((command) => mistakes(command, globals).map((mistake) => `${command.slice(0, 60)}: ${mistake}`));
}

/** The text without lines that are comments, in which nothing can be wrong. */
function withoutComments(text) {
  return text.replace(/^\/\/.*\n/gm, '');
}

function say(name, ok, detail) {
  console.log(JSON.stringify({ event: 'capability', name, ok, detail }));
}

/** A capability holds unless it has found something. */
function judge(name, wrong, detail) {
  say(name, wrong.length === 0, wrong.length === 0 ? detail : wrong.join('; '));
}

function main(folder) {
  const script = fs.readFileSync(path.join(folder, 'setup.kql'), 'utf8');
  const { globals, names, commands: all } = schema(script);
  judge('kusto set-up', mistakesOfAll(all, globals), `${all.length} commands parsed; they make ${names.join(', ')}`);

  const files = fs.readdirSync(path.join(folder, 'queries')).sort();
  const queries = files.map((file) => [file, fs.readFileSync(path.join(folder, 'queries', file), 'utf8')]);
  judge(
    'kusto queries',
    queries.flatMap(([file, text]) => mistakes(text, globals).map((mistake) => `${file}: ${mistake}`)),
    `${queries.length} parsed against these`,
  );

  const spoil = [
    ['column', (text) => text.replace(/\bdevice\b(?! =)/, 'devise')],
    ['bracket', (text) => text.replace(')', '')],
    ['table', (text) => text.replace(/\bFruit(Reports|Counts|Cameras|Labels)\b/, 'Fruit$1s')],
  ];
  const accepted = queries.flatMap(([file, text]) => spoil
    .filter(([, change]) => mistakes(change(withoutComments(text)), globals).length === 0)
    .map(([what]) => `${file} with a wrong ${what} was not refused`));
  const inside = [
    ['column', script.replace('entry = cameras', 'entry = camera')],
    ['function', script.replace('tostring(value.name)', 'tostrings(value.name)')],
    ['bracket', script.replace('by reportId\n}', 'by reportId\n')],
  ];
  for (const [what, text] of inside) {
    if (mistakesOfAll(commands(text), globals).length === 0) accepted.push(`setup.kql with a wrong ${what} was not refused`);
  }
  judge('kusto broken refused', accepted, `${queries.length * spoil.length + inside.length} broken copies`);
}

main(process.argv[2]);
