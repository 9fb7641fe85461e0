/** A short run of the fuzzer with a fixed seed, the corpus, and proof that it finds what it is for. The long runs: `npm run fuzz`. */
import { describe, expect, it } from 'vitest';
import { KINDS, caseOf, checkCase } from './cases.ts';
import { checkInput } from './checks.ts';
import { readCorpus } from './corpus.ts';
import { escaped, unescaped, type Input } from './meaning.ts';
import { parseOptions } from './options.ts';
import { ruleOf, shrink } from './shrink.ts';
import { Tally } from './tally.ts';
import { Http1RequestHead } from '../../core/src/http1/request-head.ts';
import { BodyReader } from '../../core/src/http1/body-reader.ts';

const CASES_OF_EACH_KIND = 400;
const SEED = 9112;

describe('our parsers and llhttp', () => {
  it.each(KINDS)('agree on %s, but for what is written down', (kind) => {
    const tally = new Tally();
    for (let number = 0; number < CASES_OF_EACH_KIND; number++) {
      const made = caseOf(kind, SEED, number);
      const difference = checkCase(made, tally);
      if (difference !== undefined) expect.fail(`case ${number}, ${escaped(made.input.text)}: ${difference}`);
    }
    // The generator is no good if it makes one kind only.
    const { counts } = tally;
    expect(Math.min(counts.get('heads accepted') ?? 0, counts.get('ended: fault') ?? 0, counts.get('bodies read') ?? 0)).toBeGreaterThan(CASES_OF_EACH_KIND / 10);
  });
  it('agree on the corpus of coverage-guided runs', () => {
    const corpus = readCorpus();
    expect(corpus.length).toBeGreaterThan(50);
    for (const input of corpus) {
      const difference = checkInput(input, new Tally());
      if (difference !== undefined) expect.fail(`${escaped(input.text)}: ${difference}`);
    }
  });
});

describe('the fuzzer', () => {
  it('makes the same case of the same number', () => {
    for (const kind of KINDS) expect(caseOf(kind, 3, 7)).toEqual(caseOf(kind, 3, 7));
    expect(caseOf('requests', 3, 7).input.text).not.toBe(caseOf('requests', 4, 7).input.text);
  });

  /** Runs with a parser that has this fault. */
  function findWith(fault: () => () => void): { rule: string; input: Input } | undefined {
    const repair = fault();
    try {
      for (let number = 0; number < 1_000; number++) {
        const made = caseOf('request-body', SEED, number);
        const difference = checkCase(made, new Tally());
        if (difference === undefined) continue;
        const { input } = shrink(made.input, difference);
        // What differs only from the meaning by construction cannot be made smaller: another case shows the fault by its bytes alone.
        if (input !== made.input) return { rule: ruleOf(difference), input };
      }
      return undefined;
    } finally {
      repair();
    }
  }
  function replaced<T extends object, K extends keyof T>(of: T, name: K, by: (original: T[K]) => T[K]): () => void {
    const original = of[name];
    of[name] = by(original);
    return () => {
      of[name] = original;
    };
  }
  it.each<[name: string, fault: () => () => void, rule: RegExp]>([
    [
      'a head that ends a byte early', () => replaced(Http1RequestHead.prototype, 'parse', (parse) => function (this: Http1RequestHead, ...given) {
        const met = parse.apply(this, given);
        return met > 0 && this.contentLength > 0 ? met - 1 : met;
      }), /./,
    ],
    [
      'a body whose length is off by one', () => replaced(BodyReader.prototype, 'begin', (begin) => function (this: BodyReader, framing, length) {
        begin.call(this, framing, framing === 'length' && length > 3 ? length - 1 : length);
      }), /body|end|messages|number|means/,
    ],
    [
      'a head that is written with what a client said of Connection', () => replaced(Http1RequestHead.prototype, 'write', (write) => function (this: Http1RequestHead, out, at, wire) {
        const end = write.call(this, out, at, wire);
        return this.chunked ? end - 2 + out.write('TE: x\r\n\r\n', end - 2, 'latin1') : end;
      }), /./,
    ],
    [
      'a verdict that depends on how the bytes are cut', () => replaced(Http1RequestHead.prototype, 'parse', (parse) => function (this: Http1RequestHead, ...given) {
        return parse.apply(this, given) || ((given[2] - given[1]) % 5 === 0 ? -1 : 0);
      }), /^other reads/,
    ],
    [
      'an exception', () => replaced(Http1RequestHead.prototype, 'write', () => () => {
        throw new RangeError('out of range');
      }), /^thrown$/,
    ],
  ])('finds %s, and shows it in few bytes', (_name, fault, rule) => {
    const found = findWith(fault);
    expect(found?.rule).toMatch(rule);
    expect(found?.input.text.length).toBeLessThan(120);
  });

  it('writes bytes as a string that it reads again', () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
    expect(unescaped(escaped(all))).toBe(all);
    expect(escaped(all)).toMatch(/^[ -~]*$/);
  });
  it('says what is wrong with its options', () => {
    expect(parseOptions([], 5)).toMatchObject({ minutes: 1, seed: 5, kinds: KINDS, workers: 1, number: -1, input: undefined });
    expect(parseOptions(['--side', 'response', '--methods', 'HEAD,GET', '--input', '"\\u00ff"'], 5).input).toMatchObject({ side: 'response', text: '\xff', methods: ['HEAD', 'GET'] });
    for (const args of [['--minutes', '0'], ['--only', 'head'], ['--case', '1'], ['--case', '-1', '--only', 'requests'], ['--input', '"x"'], ['--side', 'request', '--input', 'x'], ['--seed', 'x'], ['--workers', '0']]) {
      expect(() => parseOptions(args, 5), args.join(' ')).toThrow(/--|JSON/);
    }
  });
});
