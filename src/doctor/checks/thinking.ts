import type { Check, CheckGroup, DoctorContext, Examination } from './check.ts';
import { textsOf } from './texts.ts';

const TAGS = /<\/?(?:think|thinking|thought|reasoning)>/i;

const mixed: Check = {
  code: 'D208',
  severity: 'info',
  title: 'some answers think aloud, others do not',
  why: 'Trained together, the model thinks at random; templates of thinking models treat the two differently.',
  advice: 'Train on the two parts separately, or give all answers the same form.',
};

/** Thinking tags: in all answers or in none. The smaller part is reported. */
export const thinking: CheckGroup = {
  name: 'text',
  order: 100,
  checks: [mixed],
  open({ dataset, report }: DoctorContext): Examination {
    const rows: { with: number[]; without: number[] } = { with: [], without: [] };
    return {
      visit({ row, sample }) {
        const answers = sample === null ? [] : textsOf(sample).filter(({ role }) => role === 'assistant');
        if (answers.length > 0) rows[answers.some(({ text }) => TAGS.test(text)) ? 'with' : 'without'].push(row);
      },
      async finish() {
        const fewer = rows.with.length <= rows.without.length ? 'with' : 'without';
        const other = fewer === 'with' ? 'without' : 'with';
        const detail = `${fewer} thinking tags, as against ${rows[other].length} rows ${other}`;
        for (const row of rows[fewer]) report({ code: 'D208', row, id: dataset.ids[row]!, detail });
      },
    };
  },
};
