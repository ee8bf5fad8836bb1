#!/usr/bin/env node
// The package as a user gets it: packed, listed, installed in an empty folder, and run there, also without ONNX
// Runtime. With nothing in HOME, the worker is set up as a user sets it up, trains two steps and scores.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MAX_PACKED_MB = 40;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-pack-'));
const home = path.join(work, 'empty');
fs.mkdirSync(home);
const userHome = path.join(work, 'home');
fs.mkdirSync(userHome);
let failed = 0;

/** A step says what it found; throwing fails it and the rest goes on as far as it can. */
function step(name, body) {
  const begun = Date.now();
  try {
    const said = body() ?? '';
    process.stdout.write(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)${said && `: ${said}`}\n`);
    return true;
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error.message}\n`);
    return false;
  }
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

const npmCache = spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim();

function run(cwd, command, ...args) {
  return spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: 600_000,
    env: {
      ...process.env,
      ONNXRUNTIME_NODE_INSTALL: 'skip',
      npm_config_loglevel: 'error',
      npm_config_cache: npmCache,
      INIT_CWD: cwd,
      HOME: userHome,
      XDG_DATA_HOME: '',
      XDG_CACHE_HOME: '',
      WINNOW_PYTHON: '',
    },
  });
}

function succeed(cwd, command, ...args) {
  const result = run(cwd, command, ...args);
  must(
    result.status === 0,
    `\`${command} ${args.join(' ')}\` ended with ${result.status}\n${result.stdout}${result.stderr}`,
  );
  return result;
}

/** The Python that the clone's environment was made with: shims of version managers live in HOME. */
function basePython() {
  const own = path.join(ROOT, 'worker', '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const { stdout, status } = spawnSync(own, ['-c', 'import sys; print(sys._base_executable)'], { encoding: 'utf8' });
  return status === 0 ? ['--python', stdout.trim()] : [];
}

let tarball = '';
let unpackedFiles = [];
const packed = step('npm pack', () => {
  const [pack] = JSON.parse(
    succeed(ROOT, 'npm', 'pack', '--json', '--pack-destination', work).stdout.replace(/^[^[]*/, ''),
  );
  tarball = path.join(work, pack.filename);
  unpackedFiles = pack.files.map((file) => file.path);
  must(pack.size < MAX_PACKED_MB * 1e6, `${(pack.size / 1e6).toFixed(1)} MB packed, more than ${MAX_PACKED_MB}`);
  return `${unpackedFiles.length} files, ${(pack.size / 1e6).toFixed(1)} MB packed, ${(pack.unpackedSize / 1e6).toFixed(1)} MB unpacked`;
});

step('publint', () => {
  const { stdout } = succeed(ROOT, process.execPath, 'node_modules/publint/src/cli.js', 'run', tarball, '--strict');
  must(!/warning|error/i.test(stdout.replace(/All good!/, '')), stdout);
});

if (packed) {
  const installed = step('install in an empty folder', () => {
    succeed(home, 'npm', 'init', '-y');
    succeed(home, 'npm', 'install', '--no-audit', '--no-fund', tarball);
  });
  if (installed) {
    step('npx winnow --version', () => {
      const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
      must(succeed(home, 'npx', 'winnow', '--version').stdout.trim() === version, 'another version answered');
    });
    step("import 'winnow-vlm'", () => {
      const script = "const api = await import('winnow-vlm'); console.log(Object.keys(api).length)";
      const { stdout } = succeed(home, process.execPath, '--input-type=module', '-e', script);
      must(Number(stdout) > 0, 'it exports nothing');
      return `${stdout.trim()} exports`;
    });
    step('npx winnow demo', () => {
      succeed(home, 'npx', 'winnow', 'demo');
      const pages = fs
        .readdirSync(path.join(home, 'winnow-demo'), { recursive: true })
        .filter((name) => String(name).endsWith('.html'));
      must(pages.length > 0, 'it wrote no report');
      return `report ${pages[0]}`;
    });
    step('size of the install', () => {
      const bytes = (folder) =>
        fs
          .readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size, 0);
      const all = bytes(path.join(home, 'node_modules'));
      const runtime = bytes(path.join(home, 'node_modules', 'onnxruntime-node'));
      return `${Math.round(all / 1e6)} MB, ${Math.round(runtime / 1e6)} MB of it ONNX Runtime`;
    });
    step('without a worker its command is named', () => {
      succeed(home, 'npx', 'winnow', 'init');
      const { status, stderr } = run(home, 'npx', 'winnow', 'train', '-C', 'winnow-demo');
      must(status === 2 && /winnow setup worker/.test(stderr), `it ended with ${status} and said:\n${stderr}`);
    });
    const ready = step('winnow setup worker --cpu --yes', () => {
      succeed(home, 'npx', 'winnow', 'setup', 'worker', '--cpu', '--yes', ...basePython());
      const again = succeed(home, 'npx', 'winnow', 'setup', 'worker', '--yes').stdout;
      must(/Nothing to do/.test(again), `a second set-up was not idle:\n${again}`);
      const { parts } = JSON.parse(succeed(home, 'npx', 'winnow', 'status', '--system', '--json').stdout);
      const torch = parts.find((part) => part.name === 'torch');
      must(torch?.works === true, `the worker does not work:\n${JSON.stringify(parts, null, 1)}`);
      return torch.detail;
    });
    if (ready) {
      step('train two steps and score with the worker', () => {
        const winnow = (...args) => succeed(home, 'npx', 'winnow', ...args, '--json').stdout;
        const shapes = path.join('node_modules', 'winnow-vlm', 'examples', 'shapes', 'shapes.json');
        winnow('filter', 'row < 8', shapes, '-o', 'few.json', '--media', 'copy');
        winnow('import', 'few.json');
        const run = JSON.parse(winnow('train', '--checkpoints', '2', '--batch', '4'));
        must(run.stepsDone === 2, `it did ${run.stepsDone} steps`);
        const scored = JSON.parse(winnow('score', 'loss', '--by', 'worker', '--model', run.name));
        must(scored.rowsComputed === 8, `it scored ${scored.rowsComputed} rows`);
      });
    }
    step('without ONNX Runtime the message explains', () => {
      fs.rmSync(path.join(home, 'node_modules', 'onnxruntime-node'), { recursive: true });
      fs.rmSync(path.join(home, 'winnow-demo'), { recursive: true, force: true });
      const { status, stdout, stderr } = run(home, 'npx', 'winnow', 'demo');
      const said = stdout + stderr;
      must(status === 1, `it ended with ${status}\n${said}`);
      must(
        /onnxruntime-node/.test(said) && /ONNXRUNTIME_NODE_INSTALL=skip/.test(said),
        `it does not say how to install it:\n${said}`,
      );
      must(!/\n\s+at .*:\d+:\d+/.test(said), `it shows a stack:\n${said}`);
    });
  }
}

fs.rmSync(work, { recursive: true, force: true });
process.stdout.write(`${failed === 0 ? 'the package is sound' : `${failed} steps failed`}\n`);
process.exitCode = failed === 0 ? 0 : 1;
