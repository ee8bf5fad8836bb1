import { runDocuments } from './documents.ts';
import { executed } from './markdown.ts';

runDocuments(executed('short'));
