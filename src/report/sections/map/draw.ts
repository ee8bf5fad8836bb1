import { CLASS_TITLE, count, signed } from '../../format.ts';
import { figure, h, section, table, uid } from '../../web/dom.ts';
import type { ChartLabel } from '../../web/draw-points.ts';
import { pointChart } from '../../web/points.ts';
import { clusterName, filter, filterChanged, hasSelection, onFilter, page, samples, summary } from '../../web/state.ts';

/** The clusters on a map, with kept and dropped, and their table. */
export function clusterMap(): HTMLElement | null {
  const { x, y } = samples;
  if (x === null || y === null)
    return clusterTable() === null ? null : section('map', 'Clusters', null, clusterTable());
  const chart = pointChart({
    label: 'Map of the samples, similar questions close together',
    height: (width) => Math.min(640, Math.max(340, width * 0.86)),
    x: x.map((v) => (v < 0 ? Number.NaN : v)),
    y: y.map((v) => (v < 0 ? Number.NaN : v)),
    xDomain: [0, 1000],
    yDomain: [0, 1000],
    spread: 44,
    labels: clusterLabels(),
  });
  const rows = clusterTable();
  const note = page.mapNote ?? '';
  return section(
    'map',
    'Map of the samples',
    `Every point is a sample; samples with similar questions lie close together, and those with the same question around one place. Click a point to see its picture. ${note}`,
    filterBar(),
    h(
      'div',
      { class: rows === null ? '' : 'map-grid' },
      figure(
        hasSelection() ? 'Filled points were kept, hollow ones dropped.' : 'Every sample.',
        samples.row === null
          ? ''
          : `The page shows ${count(samples.id.length)} of ${count(summary.total)} samples, evenly spaced.`,
        chart,
      ),
      rows,
    ),
  );
}

/** Where each of the biggest clusters is named: above its middle, at the height below which most of it lies. */
function clusterLabels(): (px: Float32Array, py: Float32Array) => ChartLabel[] {
  const members = new Map<number, number[]>();
  samples.cluster?.forEach((cluster, i) => {
    if (cluster < 0 || samples.x![i]! < 0) return;
    if (!members.has(cluster)) members.set(cluster, []);
    members.get(cluster)!.push(i);
  });
  const bySize = [...members].sort(([, a], [, b]) => b.length - a.length);
  return (px, py) => {
    const chosen = filter.cluster === null ? bySize.slice(0, 30) : bySize.filter(([one]) => one === filter.cluster);
    return chosen.map(([cluster, rows]) => {
      const xs = Float32Array.from(rows, (i) => px[i]!).sort();
      const ys = Float32Array.from(rows, (i) => py[i]!).sort();
      return {
        x: xs[xs.length >> 1]!,
        y: ys[Math.floor(0.04 * ys.length)]! - 13,
        below: ys[Math.ceil(0.96 * (ys.length - 1))]! + 14,
        text: clusterName(cluster, 2),
        strong: cluster === filter.cluster,
      };
    });
  };
}

function checkbox(label: string, hue: string, checked: boolean, change: (on: boolean) => void): HTMLElement {
  const id = uid('show');
  const input = h('input', { type: 'checkbox', id, checked, onchange: () => change(input.checked) });
  return h('label', { for: id, class: `toggle ${hue}` }, input, h('span', null, label));
}

/** What is shown on the map and in the table of all samples. */
function filterBar(): HTMLElement {
  const controls: HTMLElement[] = [];
  if (hasSelection()) {
    controls.push(
      checkbox('Kept', 'plain filled', true, (on) => {
        filter.kept = on;
        filterChanged();
      }),
      checkbox('Dropped', 'plain hollow', true, (on) => {
        filter.dropped = on;
        filterChanged();
      }),
    );
  }
  if (summary.classes !== null) {
    for (const name of summary.shownClasses) {
      controls.push(
        checkbox(CLASS_TITLE[name], name, true, (on) => {
          if (on) filter.classes.add(name);
          else filter.classes.delete(name);
          filterChanged();
        }),
      );
    }
  }
  if (samples.fault !== null && samples.fault.names.length > 0) {
    const id = uid('fault');
    const titles = new Map(summary.faults.map((fault) => [fault.key, fault.title]));
    const select = h(
      'select',
      {
        id,
        onchange: () => {
          filter.fault = select.value === '' ? null : Number(select.value);
          filterChanged();
        },
      },
      h('option', { value: '' }, 'all samples'),
      samples.fault.names.map((name, i) => h('option', { value: i }, titles.get(name) ?? name)),
    );
    controls.push(h('label', { for: id, class: 'field' }, 'Planted fault ', select));
  }
  const clear = h('button', {
    type: 'button',
    class: 'chip',
    hidden: true,
    onclick: () => {
      filter.range = null;
      filter.cluster = null;
      filterChanged();
    },
  });
  onFilter(() => {
    const parts = [
      filter.cluster === null ? '' : clusterName(filter.cluster, 2),
      filter.range === null ? '' : rangeWords(filter.range),
    ].filter((part) => part !== '');
    clear.hidden = parts.length === 0;
    clear.textContent = `Only ${parts.join(' and ')} ✕`;
    clear.setAttribute('aria-label', `Showing only ${parts.join(' and ')}. Show all again.`);
  });
  return h(
    'div',
    { class: 'filters', role: 'group', 'aria-label': 'Show on the map and in the table' },
    controls,
    clear,
  );
}

function rangeWords([from, to]: [number, number]): string {
  if (!Number.isFinite(from)) return `S below ${signed(to)}`;
  return Number.isFinite(to) ? `S from ${signed(from)} to ${signed(to)}` : `S of ${signed(from)} and more`;
}

function clusterTable(): HTMLElement | null {
  if (page.clusters.length === 0) return null;
  const has = (of: 'candidates' | 'quota' | 'kept' | 'meanNecessity'): boolean =>
    page.clusters.some((c) => c[of] !== null);
  type Row = (typeof page.clusters)[number];
  const choose = (cluster: number): HTMLElement => {
    const button = h(
      'button',
      {
        type: 'button',
        class: 'link',
        'aria-pressed': 'false',
        onclick: () => {
          filter.cluster = filter.cluster === cluster ? null : cluster;
          filterChanged();
        },
      },
      clusterName(cluster),
    );
    onFilter(() => button.setAttribute('aria-pressed', String(filter.cluster === cluster)));
    return button;
  };
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of clusters' },
    table<Row>(
      'One row per cluster. Choose one to see only its samples.',
      [
        { label: 'Cluster', cell: (c) => choose(c.cluster) },
        { label: 'Size', numeric: true, cell: (c) => count(c.size) },
        ...(has('candidates')
          ? [
              {
                label: 'Candidates',
                numeric: true,
                cell: (c: Row) => (c.candidates === null ? '–' : count(c.candidates)),
              },
            ]
          : []),
        ...(has('quota')
          ? [{ label: 'Quota', numeric: true, cell: (c: Row) => (c.quota === null ? '–' : count(c.quota)) }]
          : []),
        ...(has('kept')
          ? [{ label: 'Kept', numeric: true, cell: (c: Row) => (c.kept === null ? '–' : count(c.kept)) }]
          : []),
        ...(has('meanNecessity')
          ? [{ label: 'Mean S', numeric: true, cell: (c: Row) => signed(c.meanNecessity) }]
          : []),
      ],
      page.clusters,
      'dense pack',
    ),
  );
}
