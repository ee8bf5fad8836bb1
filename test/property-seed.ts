import fc from 'fast-check';

// Property tests draw the same cases in every run, so that what is red in one place is red everywhere;
// `npm run test:properties` draws others.
fc.configureGlobal({ seed: Number(process.env.WINNOW_PROPERTY_SEED ?? 42) });
