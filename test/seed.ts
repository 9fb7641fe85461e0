/** Properties run on the same samples each time: a test that fails by chance tells nobody anything. `FC_SEED=$RANDOM npm test` looks elsewhere. */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_261_123) });
