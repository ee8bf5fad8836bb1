import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What a worker's Python has. */
export interface WorkerCheck {
  python: string;
  /** Absent where it doesn't start. */
  pythonVersion: string | null;
  torch: string | null;
  transformers: string | null;
  /** Modules that the worker needs and that can't be imported, with why. */
  missing: Readonly<Record<string, string>>;
  devices: readonly string[];
}

const PROBE = `
import importlib, json, sys
found, missing = {}, {}
for name in ["torch", "transformers", "tokenizers", "safetensors", "PIL", "numpy", "pyarrow", "onnx", "fastjsonschema"]:
    try:
        found[name] = getattr(importlib.import_module(name), "__version__", "")
    except Exception as error:
        missing[name] = f"{type(error).__name__}: {error}"
devices = ["cpu"]
if "torch" in found:
    import torch
    devices += [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "found": found, "missing": missing, "devices": devices}))
`;

/** Starts a Python and imports what the worker imports: some seconds. */
export function checkWorker(python: string): WorkerCheck {
  const none = { python, pythonVersion: null, torch: null, transformers: null, missing: {}, devices: [] };
  if (!existsSync(python)) return none;
  const { stdout, status } = spawnSync(python, ['-c', PROBE], { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) return none;
  const { version, found, missing, devices } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    version: string;
    found: Record<string, string>;
    missing: Record<string, string>;
    devices: string[];
  };
  return {
    python,
    pythonVersion: version,
    torch: found.torch ?? null,
    transformers: found.transformers ?? null,
    missing,
    devices,
  };
}

export function isSound({ pythonVersion, missing }: WorkerCheck): boolean {
  return pythonVersion !== null && Object.keys(missing).length === 0;
}
