import { parentPort, workerData } from 'node:worker_threads';
import { formatNamed } from '../formats/detect.ts';
import type { RecordBlock } from '../records/record-block.ts';
import { type BlockContext, blockFacts, type PackedFacts, packFacts } from './block-facts.ts';

/** Asked of a thread: the facts of a block. */
export interface BlockTask {
  block: RecordBlock;
  firstRow: number;
}

/** Its answer; null where the block holds a damaged record. */
export type BlockReply = PackedFacts | null;

const context = workerData as BlockContext;
const format = formatNamed(context.format);

parentPort!.on('message', ({ block, firstRow }: BlockTask) => {
  const facts = blockFacts(block, firstRow, format, context);
  const reply: BlockReply = facts === undefined ? null : packFacts(facts);
  parentPort!.postMessage(reply, reply === null ? [] : [reply.hashes.buffer, reply.flags.buffer]);
});
