import { Argument } from 'commander';
import { action } from '../command.ts';
import { SCRIPTS } from '../completion/scripts.ts';
import type { Register, VerbFacts } from '../program.ts';

/** @public Read by `scripts/write-registries.mjs`. */
export const verb: VerbFacts = { order: 230, group: 'Project:', summary: 'Print a shell completion script' };

/** `winnow completion SHELL`: a script that completes verbs, options and names. */
export const register: Register = (program, session) => {
  program
    .command('completion')
    .description(
      'Print a shell completion script\n\n' +
        'bash: winnow completion bash > ~/.local/share/bash-completion/completions/winnow\n' +
        'zsh: winnow completion zsh > ~/.zfunc/_winnow, with fpath+=(~/.zfunc) before compinit in ~/.zshrc\n' +
        'fish: winnow completion fish > ~/.config/fish/completions/winnow.fish',
    )
    .addArgument(new Argument('<shell>', 'shell to complete in').choices(Object.keys(SCRIPTS)))
    .action(
      action(session, async (_context, shell: keyof typeof SCRIPTS) => ({
        document: { shell, script: SCRIPTS[shell] },
        text: SCRIPTS[shell],
        verbatim: true,
      })),
    );
};
