import { h, section } from '../../web/dom.ts';
import { page } from '../../web/state.ts';

/** The commands and what the numbers were made from. */
export function reproduce(): HTMLElement | null {
  const commands = page.run?.commands ?? [];
  const lineage = page.run?.lineage ?? [];
  if (commands.length === 0 && lineage.length === 0) return null;
  return section(
    'reproduce',
    'How to reproduce it',
    'The same commands on the same files give the same bytes; what is finished is not done twice.',
    commands.map((entry) => commandBox(entry.title, entry.command)),
    lineage.length === 0
      ? null
      : h(
          'div',
          null,
          h('h3', null, 'Made from'),
          h(
            'dl',
            { class: 'lineage' },
            lineage.map((entry) =>
              h('div', null, h('dt', null, entry.what), h('dd', null, h('code', null, entry.hash))),
            ),
          ),
        ),
  );
}

function commandBox(title: string, command: string): HTMLElement {
  const button = h('button', { type: 'button', 'aria-label': `Copy: ${title}` }, 'Copy');
  const code = h('pre', { tabindex: 0, 'aria-label': title }, h('code', null, command));
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = 'Copied';
    } catch {
      // Some browsers refuse the clipboard to files: select the text, so that the reader's own copy key does it.
      getSelection()?.selectAllChildren(code);
      button.textContent = 'Selected: press Ctrl+C';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2500);
  });
  return h('div', { class: 'command' }, h('div', { class: 'command-head' }, h('h3', null, title), button), code);
}
