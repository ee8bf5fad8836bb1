import type { Dataset } from '../../dataset/dataset.ts';
import type { ShownMedia, ShowResult } from '../../store/verbs/show.ts';
import { action } from '../command.ts';
import type { Register, VerbFacts } from '../program.ts';
import { plain } from '../table.ts';
import { fileLink, graphicsOf, picture, smallPng } from '../terminal-image.ts';

const EDGE = 480;

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 160, group: 'Look:', summary: 'Show one sample with its images and signals' };

/** `winnow show ID`: one sample as it is, with its images, signals and selections. */
export const register: Register = (program, session) => {
  program
    .command('show')
    .description('Show one sample: turns, images (drawn if the terminal can), signals and selections')
    .argument('<id>', 'id of the sample')
    .option('-d, --dataset <dataset>', 'data set of the project (default: the first that has the id)')
    .action(
      action(session, async (context, id: string, given: { dataset?: string }) => {
        const { openProject } = await import('../../store/project.ts');
        const { showSample } = await import('../../store/verbs/show.ts');
        await using project = await openProject(context.project, { note: context.note });
        const shown = await showSample(project, { id, dataset: given.dataset });
        const isTerminal = session.stdout.isTTY === true;
        const images = context.json ? [] : await drawn(shown, await project.dataset(shown.dataset), isTerminal);
        return { document: shown, text: () => showText(shown, images) };
      }),
    );
};

/** For each medium a picture, a link, or what is wrong with it. */
async function drawn({ sample, media }: ShowResult, dataset: Dataset, isTerminal: boolean): Promise<string[]> {
  const { resolveMedia } = await import('../../dataset/media/media.ts');
  const graphics = graphicsOf(process.env, isTerminal);
  const refs = [...(sample?.media.images ?? []), ...(sample?.media.videos ?? [])];
  const draw = async (medium: ShownMedia, i: number): Promise<string> => {
    const link = medium.file === undefined ? plain(medium.path) : fileLink(medium.file, isTerminal);
    if (medium.fault !== undefined) return `${plain(medium.path)}: ${plain(medium.fault)}`;
    if (graphics === 'none' || medium.kind === 'video') return link;
    const found = resolveMedia(dataset, refs[i]!);
    const png = await smallPng(found.kind === 'file' ? found.path : found.bytes, EDGE);
    return png === undefined ? `${link}: the image can't be decoded` : `${picture(png, graphics)}\n${link}`;
  };
  return Promise.all(media.map(draw));
}

function showText(shown: ShowResult, images: readonly string[]): string {
  const { id, dataset, row, source, sample, fault, signals, selections } = shown;
  const turns = (sample?.messages ?? []).map((message) => {
    const parts = message.parts.map((part) =>
      part.type === 'text' ? part.text : `[${part.type} ${part.type === 'image' ? part.image : part.video}]`,
    );
    return `${message.role}: ${parts.map(plain).join(' ')}`;
  });
  const meta = Object.entries(sample?.meta ?? {}).map(([key, value]) => `${plain(key)} ${plain(value)}`);
  return [
    `${plain(id)}  row ${row} of ${dataset}${source === null ? '' : `, source ${plain(source)}`}`,
    ...(fault === undefined ? [] : [`set aside: ${plain(fault)}`]),
    ...images,
    ...turns,
    ...(meta.length === 0 ? [] : [`columns: ${meta.join(', ')}`]),
    ...Object.entries(signals).map(
      ([signal, columns]) =>
        `${signal}: ${Object.entries(columns)
          .map(([column, value]) => `${column} ${value === null ? 'none' : plain(value)}`)
          .join(', ')}`,
    ),
    ...(Object.keys(signals).length === 0 ? ['nothing scored yet'] : []),
    ...selections.map(({ name, kept, code, rank, current }) => {
      const at = rank === undefined ? '' : `, rank ${rank}`;
      return `selection ${name}: ${kept ? 'kept' : 'not kept'} (${code}${at})${current ? '' : ', made before the data set changed'}`;
    }),
  ].join('\n');
}
