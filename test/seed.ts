/** Properties run on the same samples each time: a test that fails by chance tells nobody anything. `FC_SEED=$RANDOM npm test` looks elsewhere. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_261_123) });
