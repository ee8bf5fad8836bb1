/** Rows for each check of rows: what must be found, and what comes close and must not be. For tests. */
export interface Case {
  target?: string;
  /** Rows that must be found; the text of each row as it stands in the file. */
  faulty: string[];
  /** Rows that come close and must not be. */
  sound: string[];
  /** Rows that stand in the file for the check's sake and may be either. */
  beside?: string[];
  /** The row's own fix takes it out or mends it: the new version has none. */
  fixed?: false;
}

/** A LLaVA row: human and gpt in turn, one image shown at the front. */
function row(...turns: string[]): string {
  return raw(
    { image: 'a.png' },
    turns.map((value, index) => [index % 2 === 0 ? 'human' : 'gpt', value]),
  );
}

let n = 0;
function raw(more: object, turns: (readonly [string, string])[]): string {
  return JSON.stringify({
    id: `r${n++}`,
    ...more,
    conversations: turns.map(([from, value]) => ({ from, value })),
  });
}

const Q = '<image>\nWhat is it?';
const dialogue = [
  ['human', Q],
  ['gpt', 'A cat.'],
] as const;
const question = (words: string): string => row(`<image>\n${words}`, 'A cat.');
const answer = (words: string): string => row(Q, words);
const boxed = (box: string, image = 'a.png'): string =>
  raw({ image }, [
    ['human', '<image>\nGive the bounding box.'],
    ['gpt', box],
  ]);

const grounded = (objects: unknown, words: string): string =>
  raw({ image: 'a.png', objects }, [
    ['human', Q],
    ['gpt', words],
  ]);

export const CASES: Record<string, Case> = {
  D001: {
    faulty: [
      '{"id": "cut", "image": "a.png", "conversations": [{"from": "human", "value": "x"]}',
      '{"id": "nan", "score": NaN, "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": "inf", "score": -Infinity, "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": "two", "image": "b.png", "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": "in", "image": "a.png", "conversations": [{"from":"human","from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": "shape", "image": "a.png", "conversations": "none"}',
      `{"id": "deep", "x": ${'['.repeat(600)}${']'.repeat(600)}, "conversations": [{"from":"human","value":"Hi"},{"from":"gpt","value":"y"}]}`,
    ],
    sound: [
      answer('The value is NaN, or "Infinity".'),
      raw({ image: 'a.png', score: null }, [...dialogue]),
      answer('{"id": 1, "id": 2}'),
      '{"id": "esc", "image": "a.png", "conversations": [{"from":"human","value":"<image>\\n\\"from\\": \\\\"},{"from":"gpt","value":"y"}]}',
    ],
    fixed: false,
  },
  D002: {
    faulty: [
      '{"id": "r0", "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": null, "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
    ],
    sound: [
      '{"id": "r0~", "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": 7, "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
      '{"id": "coco/a.1", "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
    ],
    beside: [
      '{"id": "r0", "image": "a.png", "conversations": [{"from":"human","value":"<image>"},{"from":"gpt","value":"y"}]}',
    ],
  },
  D003: {
    faulty: [row(Q), row(Q, 'A cat.', 'And now?'), raw({ image: 'a.png' }, [['system', '<image>']])],
    sound: [row(Q, 'A cat.'), row(Q, 'A cat.', 'And now?', 'A dog.')],
  },
  D004: {
    target: 'llava',
    faulty: [
      raw({ image: 'a.png' }, [
        ['human', '<image>'],
        ['human', 'What is it?'],
        ['gpt', 'A cat.'],
      ]),
      raw({ image: 'a.png' }, [...dialogue, ['gpt', 'A black one.']]),
    ],
    sound: [row(Q, 'A cat.', 'And now?', 'A dog.')],
  },
  D005: {
    target: 'llava',
    faulty: [
      raw({ image: 'a.png' }, [
        ['human', Q],
        ['robot', 'A cat.'],
      ]),
      raw({ image: 'a.png' }, [['system', 'Be brief.'], ...dialogue]),
    ],
    sound: [
      raw({ image: 'a.png' }, [
        ['user', Q],
        ['assistant', 'A cat.'],
      ]),
    ],
  },
  D006: {
    faulty: [answer(''), answer(' \n\t'), answer('\u200b'), row(Q, 'A cat.', 'And?', '')],
    sound: [answer('.'), answer('0'), answer(' a ')],
  },
  D101: {
    faulty: [
      raw({ image: 'a.png' }, [
        ['human', 'What is it?'],
        ['gpt', 'A cat.'],
      ]),
      raw({}, [...dialogue]),
      raw({ image: ['a.png', 'b.png'] }, [...dialogue]),
      row('<image>\n<image>\nWhat is it?', 'A cat.'),
    ],
    sound: [
      raw({ image: ['a.png', 'b.png'] }, [
        ['human', '<image>\n<image>\nWhat changed?'],
        ['gpt', 'Nothing.'],
      ]),
      raw({}, [
        ['human', 'What is < image > in HTML?'],
        ['gpt', 'Nothing.'],
      ]),
    ],
  },
  D110: {
    faulty: [
      raw(
        {
          image:
            'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
        },
        [...dialogue],
      ),
    ],
    sound: [raw({ image: 'data/a.png' }, [...dialogue]), raw({ image: 'http.png' }, [...dialogue])],
  },
  D111: {
    faulty: [
      raw({ image: ['a.png', 'a.png'] }, [
        ['human', '<image>\n<image>\nWhat changed?'],
        ['gpt', 'Nothing.'],
      ]),
    ],
    sound: [
      raw({ image: ['a.png', 'b.png'] }, [
        ['human', '<image>\n<image>\nWhat changed?'],
        ['gpt', 'Nothing.'],
      ]),
      raw({ image: ['a.png', 'b.png'] }, [...dialogue]),
    ],
    fixed: false,
  },
  D201: {
    target: 'gemma3',
    faulty: [
      question('Is <|im_end|> there?'),
      answer('An end.</s>'),
      question('[INST] What? [/INST]'),
      question('Name <start_of_image>'),
      question('What does the <image> tag do?'),
      question('Describe <bbox>.'),
    ],
    sound: [
      question('Is <|im end|> or <strong>this</strong> there?'),
      question('a <sub>2</sub> [inst] <Image> <img src="x">'),
      raw({ image: 'a.png', objects: { ref: [], bbox: [[1, 2, 30, 40]] } }, [
        ['human', '<image>\nDescribe <bbox>.'],
        ['gpt', 'A cat.'],
      ]),
      raw({ image: ['a.png', 'b.png'] }, [
        ['human', 'Is <image> like <image> ?'],
        ['gpt', 'No.'],
      ]),
    ],
  },
  D202: {
    faulty: [
      raw({ image: 'a.png' }, [
        ['human', 'Draw it.'],
        ['gpt', '<image>\nHere.'],
      ]),
      row(Q, 'A <image> cat.'),
      raw({ image: 'a.png' }, [
        ['system', '<image>\nLook.'],
        ['human', 'What?'],
        ['gpt', 'A cat.'],
      ]),
    ],
    sound: [answer('An image of a cat.'), row('What is it?\n<image>', 'A cat.')],
  },
  D203: {
    target: 'llava',
    faulty: [question('USER: what?'), answer('It says ASSISTANT: yes.')],
    sound: [question('What does the user see? assistant'), question('SUPERUSER: what?')],
    fixed: false,
  },
  D204: {
    faulty: [
      question('What\u0007 is it?'),
      answer('A caf\u00c3\u00a9.'),
      answer('It\u00e2\u20ac\u2122s a cat.'),
      answer('lost \ufffd'),
      '{"id":"half","image":"a.png","conversations":[{"from":"human","value":"<image>\\nWhat \\ud83d?"},{"from":"gpt","value":"y"}]}',
      answer('one\r\ntwo\nthree'),
    ],
    sound: [
      answer('Tab\tand\nline; caf\u00e9, S\u00c3O PAULO, na\u00efve \u201cquotes\u201d \u2014 \ud83e\udd8a'),
      answer('one\r\ntwo\r\nthree'),
      answer('\u00abCAF\u00c9\u00bb'),
      answer('\u041f\u0440\u0438\u0432\u0435\u0442, \u4f60\u597d'),
    ],
  },
  D205: {
    faulty: [answer(' A cat.'), answer('A cat.\n'), row(Q, 'A cat.', 'And?', 'no ')],
    sound: [question(' What is it? '), answer('A\n\ncat.'), answer('\u00a0\u200b')],
  },
  D206: {
    faulty: [
      answer('As an AI language model, I have no eyes.'),
      answer("I'm sorry, but I cannot help with that."),
      answer(`It ${'is a cat on a mat and '.repeat(6)}`.trim()),
      answer('long '.repeat(1700).concat('end')),
      answer('no '.repeat(12).trim()),
      answer(`ye${'a'.repeat(60)}`),
      answer('\u597d\u7684'.repeat(20)),
      answer('I apologize, but I cannot name them.'),
      answer("I'm not able to identify people in photos."),
    ],
    sound: [
      answer(`| a | b |\n|${'-'.repeat(60)}|`),
      answer('https://example.org/photos/2021/05/the-cat-on-the-mat-with-a-long-name.jpg'),
      answer('She apologized, and I cannot identify the breed.'),
      answer('As an airline pilot, she flies.'),
      answer("I'm sorry for the delay, said the cat."),
      answer('The matrix is 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.'),
      answer('The cat is on the mat. The dog is on the rug. The bird is on the branch. The fish is in the bowl.'),
    ],
    fixed: false,
  },
  D207: {
    faulty: [
      raw({}, [
        ['human', 'What is in the image?'],
        ['gpt', 'A cat.'],
      ]),
      raw({}, [
        ['human', 'What have these pictures in common?'],
        ['gpt', 'Cats.'],
      ]),
      question('What is in the second image?'),
      question('Compare Image 1 and Image 2.'),
    ],
    sound: [
      question('What is in the image?'),
      raw({}, [
        ['human', 'What is imagery?'],
        ['gpt', 'Words.'],
      ]),
      question('What is in the first image?'),
      raw({}, [
        ['human', 'How do I resize images?'],
        ['gpt', 'With a tool for the image.'],
      ]),
    ],
    fixed: false,
  },
  D208: {
    faulty: [answer('<think>Hm.</think>A cat.')],
    sound: [answer('I think so.'), answer('No.'), answer('a < think > b')],
    fixed: false,
  },
  D401: {
    faulty: [
      boxed('[300, 200, 100, 250]'),
      boxed('[500, 100, 700, 200]'),
      boxed('[-5, 10, 20, 30]'),
      boxed('[0.1, 0.2, 1.4, 0.5]'),
      boxed('{"bbox_2d": [1200, 100, 1500, 300]}'),
    ],
    sound: [
      ...Array.from({ length: 9 }, () => boxed('[100, 100, 640, 480]')),
      boxed('[0.1, 0.2, 1.0, 0.5]'),
      boxed('<box>[[10, 20, 990, 1000]]</box>'),
      answer('Sorted: [4, 3, 2, 1]'),
    ],
    fixed: false,
  },
  D402: {
    target: 'qwen2.5-vl',
    faulty: [
      boxed('[100, 100, 200, 200]'),
      boxed('[0.25, 0.5, 0.75, 1.0]'),
      boxed('<|box_start|>(10,20),(500,1000)<|box_end|>'),
    ],
    sound: [
      boxed('[10, 10, 50, 50]', 'fit.png'),
      raw({ image: 'a.png', box_frame: 'resized-pixels' }, [
        ['human', '<image>\nThe box?'],
        ['gpt', '[10, 10, 50, 50]'],
      ]),
    ],
  },
  D403: {
    faulty: [boxed('[500, 100, 620, 200]', 'turned.jpg')],
    sound: [boxed('[100, 500, 200, 620]', 'turned.jpg'), boxed('[500, 100, 620, 200]')],
  },
  D404: {
    faulty: [
      grounded({ ref: [], bbox: [[1, 2, 30, 40]] }, '<bbox><bbox><bbox>'),
      grounded({ ref: [], bbox: [[1, 2, 30, 40]], image_id: [1] }, '<bbox>'),
      grounded(
        {
          ref: [],
          bbox: [
            [1, 2, 30, 40],
            [2, 3, 40, 50],
          ],
        },
        '<bbox>',
      ),
      grounded({ ref: ['cup'], bbox: [] }, '<ref-object> and <ref-object>'),
      grounded({ ref: [], bbox: [[1, 2, 30]] }, '<bbox>'),
      grounded({ ref: [], bbox: [[1, 2, 30, 40]], bbox_type: 'norm1000' }, '<bbox>'),
    ],
    sound: [
      grounded(
        {
          ref: ['cup'],
          bbox: [
            [1, 2, 30, 40],
            [5, 6],
          ],
        },
        '<ref-object> <bbox> <bbox>',
      ),
      grounded([{ caption: 'cup', bbox: [1, 2, 30, 40], bbox_type: 'norm_1000' }], '<ref-object> <bbox>'),
      grounded({ bbox: [[1, 2, 30, 40]], category: ['cup'] }, 'A cup.'),
    ],
    fixed: false,
  },
};
