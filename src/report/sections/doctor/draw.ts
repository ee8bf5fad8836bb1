import type { ReportDoctor } from '../../data.ts';
import { count } from '../../format.ts';
import { h, section, table } from '../../web/dom.ts';
import { page } from '../../web/state.ts';

type Finding = ReportDoctor['findings'][number];

const LEVEL = { error: 'Error', warn: 'Warning', info: 'Remark' } as const;

/** What the doctor found in the data set: by code, with the first rows and what to do. */
export function doctor(): HTMLElement | null {
  if (page.doctor === null) return null;
  const { target, findings, notRun, partial } = page.doctor;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const told =
    findings.length === 0
      ? 'Nothing was found that would break a training run.'
      : `${count(findings.length)} kinds of faults, ${count(errors)} of them errors.`;
  return section(
    'doctor',
    'Problems that the doctor found',
    `${told}${target === null ? '' : ` Examined for ${target}.`}${partial === true ? ' Only some of the checks or rows were looked at: run winnow doctor for all.' : ''}`,
    findings.length === 0
      ? null
      : h(
          'div',
          { class: 'wide-table' },
          table<Finding>(
            'Findings of the doctor',
            [
              { label: 'Code', cell: ({ code }) => h('code', null, code) },
              { label: 'Level', cell: ({ severity }) => LEVEL[severity] },
              { label: 'Rows', numeric: true, cell: (finding) => count(finding.count) },
              {
                label: 'What, and what to do',
                cell: ({ title, advice, fix }) => [
                  h('b', null, title),
                  h('span', { class: 'quiet block' }, advice, fix === undefined ? null : ` The doctor's fix: ${fix}.`),
                ],
              },
              { label: 'For example', cell: example },
            ],
            findings,
            'doctor-table',
          ),
        ),
    notRun.length === 0
      ? null
      : h(
          'p',
          { class: 'quiet small' },
          `Not run: ${notRun.map(({ code, because }) => `${code} (${because})`).join(', ')}.`,
        ),
  );
}

function example({ sample_ids: ids, details }: Finding): HTMLElement[] {
  return details
    .slice(0, 3)
    .map((detail, index) =>
      h('span', { class: 'small block' }, ids[index] === undefined ? null : h('code', null, ids[index]), ` ${detail}`),
    );
}
