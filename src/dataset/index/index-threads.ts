import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { RecordBlock } from '../records/record-block.ts';
import { type BlockContext, type PackedFacts, unpackFacts } from './block-facts.ts';
import { type BuildOptions, createIndexTable, type IndexTable, type RowIndex } from './index-table.ts';
import type { BlockReply, BlockTask } from './index-worker.ts';
import { hashUnder } from './row-facts.ts';

/** A smaller file is read before threads have started. */
const LEAST_BYTES = 32 << 20;
/** What one thread can cut into records keeps four busy. */
const MOST_THREADS = 4;
/** Blocks on their way, for each thread. */
const AHEAD = 2;
/** Room for the young objects of a thread, in megabytes: those of a block fit, so that few are copied. */
const YOUNG = 32;
/** Only compiled code has it: threads can't start from TypeScript. */
const WORKER = new URL('./index-worker.js', import.meta.url);

/**
 * The index of a large JSON file: this thread cuts it into records, others parse and hash them. Undefined where that
 * doesn't pay, and where a record is damaged: how reading goes on behind it takes one reader that knows all before.
 */
export async function buildOnThreads(build: BuildOptions): Promise<RowIndex | undefined> {
  const { source, format, file, options, signal, progress } = build;
  const records = source.blocked;
  const threads = Math.min(MOST_THREADS, availableParallelism());
  if (records === undefined || records.size < LEAST_BYTES || threads < 2 || !existsSync(WORKER)) return undefined;
  const pool = openPool(threads, { layout: records.layout, format: format.name, file, options });
  const table = createIndexTable();
  const waiting: { block: RecordBlock; facts: Promise<BlockReply> }[] = [];
  const addFirst = async (): Promise<boolean> => {
    const { block, facts } = waiting.shift()!;
    const found = await facts;
    if (found === null) return false;
    addBlock(table, block, found, build);
    progress?.(table.rows, block.offsets.at(-1)!);
    return true;
  };
  try {
    let row = 0;
    for (const block of records.blocks()) {
      signal?.throwIfAborted();
      if (block === undefined) return undefined;
      waiting.push({ block, facts: pool.ask({ block, firstRow: row }) });
      row += block.ends.length;
      if (waiting.length >= threads * AHEAD && !(await addFirst())) return undefined;
    }
    while (waiting.length > 0) if (!(await addFirst())) return undefined;
    return table.finish();
  } finally {
    await pool.close();
  }
}

function addBlock(table: IndexTable, block: RecordBlock, found: PackedFacts, build: BuildOptions): void {
  const { source, format, file, options } = build;
  let start = 0;
  for (const [index, facts] of unpackFacts(found).entries()) {
    const end = block.ends[index]!;
    const span = { offset: block.offsets[index]!, length: end - start };
    const context = { file, row: table.rows, options };
    table.add(span, facts, (id) => hashUnder(id, format, source.read([span])[0], context));
    start = end;
  }
}

interface Pool {
  ask(task: BlockTask): Promise<BlockReply>;
  close(): Promise<void>;
}

/** Threads that are asked in turn; each answers in the order of its questions. */
function openPool(size: number, context: BlockContext): Pool {
  const threads = Array.from({ length: size }, () => openThread(context));
  let next = 0;
  return {
    ask: (task) => threads[next++ % size]!.ask(task),
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function openThread(workerData: BlockContext): Pool {
  const thread = new Worker(WORKER, { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG } });
  const asked: { resolve(reply: BlockReply): void }[] = [];
  let isGone = false;
  thread.on('message', (reply: BlockReply) => asked.shift()!.resolve(reply));
  // A thread that can't go on leaves the file to the reader that needs none.
  thread.on('error', () => {
    isGone = true;
    for (const { resolve } of asked.splice(0)) resolve(null);
  });
  return {
    ask: (task) =>
      new Promise((resolve) => {
        if (isGone) return resolve(null);
        asked.push({ resolve });
        thread.postMessage(task, [task.block.bytes.buffer]);
      }),
    async close() {
      await thread.terminate();
    },
  };
}
