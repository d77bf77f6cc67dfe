// ipam.test.ts: addresses are handed out as Docker hands them out
import test from 'ava';
import {
  contains, firstAddress, formatSubnet, macFor, nextAddress, overlaps, parseAddress, parseSubnet,
} from '../../../machines/network/ipam.ts';

const pool = { subnet: '172.17.0.0/16', gateway: '172.17.0.1' };

test('the first container of a network gets the address behind the gateway', (t) => {
  t.is(nextAddress(pool, new Set()), '172.17.0.2');
});

test('a container gets the lowest free address', (t) => {
  t.is(nextAddress(pool, new Set(['172.17.0.2', '172.17.0.4'])), '172.17.0.3');
});

test('addresses go round, so that a freed one is not used again at once', (t) => {
  t.is(nextAddress(pool, new Set(), '172.17.0.2'), '172.17.0.3');
  t.is(nextAddress(pool, new Set(), '172.17.255.254'), '172.17.0.2');
  t.is(nextAddress(pool, new Set(), '10.0.0.1'), '172.17.0.2');
  t.is(nextAddress(pool, new Set(), 'nonsense'), '172.17.0.2');
});

test('a network with no address left gives none', (t) => {
  const small = { subnet: '10.0.0.0/30', gateway: '10.0.0.1' };
  t.is(nextAddress(small, new Set()), '10.0.0.2');
  t.is(nextAddress(small, new Set(['10.0.0.2'])), null);
  t.is(nextAddress({ subnet: 'x', gateway: '' }, new Set()), null);
});

test('a range of addresses is kept to, and the subnet\'s ends are not handed out', (t) => {
  t.is(nextAddress({ ...pool, range: '172.17.5.0/24' }, new Set()), '172.17.5.0');
  t.is(nextAddress({ ...pool, range: '172.17.0.0/24' }, new Set()), '172.17.0.2');
  t.is(nextAddress({ ...pool, range: '172.17.255.254/31' }, new Set(['172.17.255.254'])), null);
  t.is(nextAddress({ subnet: '10.0.0.0/31', gateway: '10.0.0.1' }, new Set()), '10.0.0.0');
});

test('high addresses do not turn negative', (t) => {
  t.is(nextAddress({ subnet: '240.0.0.0/8', gateway: '240.0.0.1' }, new Set()), '240.0.0.2');
  t.is(nextAddress({ subnet: '192.168.0.0/20', gateway: '192.168.0.1' }, new Set(), '192.168.15.253'), '192.168.15.254');
});

test('subnets are read strictly', (t) => {
  t.deepEqual(parseSubnet('172.17.0.1/16'), { first: parseAddress('172.17.0.0')!, last: parseAddress('172.17.255.255')!, prefixLength: 16 });
  t.is(formatSubnet(parseSubnet('172.17.3.1/20')!), '172.17.0.0/20');
  for (const text of ['', '172.17.0.0', '172.17.0.0/33', '172.17.0/16', '172.17.0.256/16', '172.017.0.0/16', 'fd00::/64']) {
    t.is(parseSubnet(text), null, text);
  }
});

test('overlap and containment', (t) => {
  t.true(overlaps('172.16.0.0/12', '172.17.0.0/16'));
  t.true(overlaps('172.17.0.0/16', '172.16.0.0/12'));
  t.false(overlaps('172.17.0.0/16', '172.18.0.0/16'));
  t.true(overlaps('0.0.0.0/0', '10.0.0.0/8'));
  t.true(contains('172.17.0.0/16', '172.17.4.4'));
  t.true(contains('172.17.0.0/16', '172.17.4.0/24'));
  t.false(contains('172.17.0.0/24', '172.17.0.0/16'));
  t.false(contains('172.17.0.0/24', 'web'));
});

test('a MAC address is made of the IP address', (t) => {
  t.is(macFor('172.17.0.2'), '02:42:ac:11:00:02');
  t.is(macFor('192.168.255.16'), '02:42:c0:a8:ff:10');
  t.throws(() => macFor('web'));
});

test('the gateway is the first address of the subnet', (t) => {
  t.is(firstAddress('172.17.0.0/16'), '172.17.0.1');
  t.is(firstAddress('172.17.9.9/16'), '172.17.0.1');
  t.is(firstAddress('10.0.0.0/31'), null);
  t.is(firstAddress('10'), null);
});
