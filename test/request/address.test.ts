import * as fc from 'fast-check';
import { BlockList, isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressSet, clientFromForwarded, parseAddress, parseRange } from '../../core/src/request/address.ts';

describe('parseAddress', () => {
  it('accepts exactly what node:net calls an address', () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,24}$/), fc.ipV4().map((ip) => `::ffff:${ip}`), fc.ipV4().map((ip) => `0${ip}`));
    fc.assert(fc.property(text, (address) => {
      if (address.includes('%')) return;
      expect(parseAddress(address) !== undefined).toBe(isIP(address) !== 0);
    }), { numRuns: 2_000 });
  });

  it('refuses octets with leading zeros, which some readers take for octal', () => {
    expect(parseAddress('010.0.0.1')).toBeUndefined();
    expect(parseAddress('10.0.0.1')).toBeDefined();
  });

  it.each(['::%', 'fe80::1%\r\nx', 'fe80::1%"'])('refuses a zone that is no name: %j', (address) => {
    expect(parseAddress(address)).toBeUndefined();
  });

  it('leaves the zone out', () => {
    expect(parseAddress('fe80::1%eth0')).toEqual(parseAddress('fe80::1'));
  });
});

describe('parseRange', () => {
  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '::/129', 'example.org', '', '10.0.0', '::ffff:10.0.0.0/64'])('refuses %s with a reason', (range) => {
    expect(typeof parseRange(range)).toBe('string');
  });
});

describe('AddressSet', () => {
  it('answers as net.BlockList does', () => {
    const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).filter(([address]) => parseAddress(address)?.isV4 === false);
    fc.assert(fc.property(fc.array(v4, { maxLength: 4 }), fc.array(v6, { maxLength: 4 }), fc.oneof(fc.ipV4(), fc.ipV6()), (v4Ranges, v6Ranges, probe) => {
      const parsed = parseAddress(probe);
      // BlockList takes a mapped address for IPv6 as well; ours is IPv4 then.
      if (parsed?.isV4 === true && probe.includes(':')) return;
      const list = new BlockList();
      for (const [address, bits] of v4Ranges) list.addSubnet(address, bits, 'ipv4');
      for (const [address, bits] of v6Ranges) list.addSubnet(address, bits, 'ipv6');
      // So does it take an IPv4 address for a member of `::/0`.
      if (parsed?.isV4 === true && v6Ranges.some(([, bits]) => bits <= 96)) return;
      const set = new AddressSet([...v4Ranges, ...v6Ranges].map(([address, bits]) => `${address}/${bits}`));
      expect(set.has(probe)).toBe(list.check(probe, probe.includes(':') ? 'ipv6' : 'ipv4'));
    }), { numRuns: 1_000 });
  });

  it('knows an IPv4 address in both of its forms, in the address and in the range', () => {
    for (const range of ['10.0.0.0/8', '::ffff:10.0.0.0/104']) {
      const set = new AddressSet([range]);
      expect([set.has('10.1.2.3'), set.has('::ffff:10.1.2.3'), set.has('::ffff:a01:203'), set.has('11.0.0.1')]).toEqual([true, true, true, false]);
    }
  });

  it('does not hold an IPv4 client for a member of an IPv6 range', () => {
    expect(new AddressSet(['::/0']).has('10.0.0.1')).toBe(false);
    expect(new AddressSet(['0.0.0.0/0']).has('2001:db8::1')).toBe(false);
  });

  it('holds nothing when it is empty, and nothing that is no address', () => {
    expect(new AddressSet([]).isEmpty).toBe(true);
    expect(new AddressSet([]).has('10.0.0.1')).toBe(false);
    expect(new AddressSet(['0.0.0.0/0', '::/0']).has('unknown')).toBe(false);
  });
});

describe('clientFromForwarded', () => {
  const trusted = new AddressSet(['10.0.0.0/8', '2001:db8::/32']);

  it.each([
    ['the peer when it is not trusted, whatever it says', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['the peer when nothing was said', '10.0.0.1', undefined, '10.0.0.1'],
    ['the rightmost address that is not trusted', '10.0.0.1', '203.0.113.5, 198.51.100.7, 10.0.0.2', '198.51.100.7'],
    ['the leftmost when all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the last good one before garbage', '10.0.0.1', '198.51.100.7, unknown, 10.0.0.2', '10.0.0.2'],
    ['the peer when the right end is garbage', '10.0.0.1', '198.51.100.7, <script>', '10.0.0.1'],
    ['the peer when the field is empty', '10.0.0.1', '', '10.0.0.1'],
    ['the last good one before an empty entry', '10.0.0.1', '198.51.100.7,,10.0.0.2', '10.0.0.2'],
    ['an address without its port', '10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['an IPv6 address without brackets and port', '10.0.0.1', '[2001:db9::1]:443', '2001:db9::1'],
    ['a mapped IPv4 address as IPv4', '::ffff:10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
  ])('is %s', (_rule, remote, forwarded, client) => {
    expect(clientFromForwarded(remote, forwarded, trusted)).toBe(client);
  });

  it('gives the peer or an address, whatever the field holds', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.,: [\]]{0,40}$/)), (field) => {
      const client = clientFromForwarded('10.0.0.1', field, trusted);
      expect(isIP(client)).not.toBe(0);
    }), { numRuns: 1_000 });
  });
});
