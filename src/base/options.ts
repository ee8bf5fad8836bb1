/** Fields by their names, all of them optional: how a request takes the options of a schema. */
export type Options<T> = { [K in keyof T as string extends K ? never : K]?: T[K] | undefined };
