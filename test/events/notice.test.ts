// notice.test.ts: facts as `docker events` tells them, and the filters of its readers
import test from 'ava';
import { rows } from '../../events/index.ts';
import type { Recorded } from '../../events/fact.ts';
import { noticeFilter, type NoticeFilters } from '../../events/filter.ts';
import { noticeJson, teller, type Notice } from '../../events/notice.ts';
import { exampleSpec } from '../../events/container.ts';

let position = 0;
const fact = (stream: string, type: string, data: unknown): Recorded => ({
  id: 'f', stream, type, data, time: 1_795_601_764_916_969_513n, position: position++, revision: 0,
  cause: { command: 'test', commandId: 'c', correlationId: 'r', causation: null, caller: { transport: 'internal' } },
});
const spec = { ...exampleSpec, config: { ...exampleSpec.config, Labels: { tier: 'front', image: 'a label' } } };
const born = fact('container-4c01', 'container.createRequested', { id: '4c01', name: 'web', spec });

test('a fact with an action is told, a private one is not', (t) => {
  for (const [type, { docker, example }] of rows) {
    const [kind = ''] = type.split('.');
    const stream = `${kind === 'exec' || kind === 'health' ? 'container' : kind}-4c01`;
    const notice = teller().tell(fact(stream, type, example));
    if (docker === null) t.is(notice, null, type);
    else t.true(notice!.action.startsWith(docker), type);
  }
});

test('the image and the name of a container go before labels that are called like them', (t) => {
  const told = teller();
  told.tell(born);
  t.deepEqual(told.tell(fact('container-4c01', 'container.started', { pid: 1, ports: {} }))!.attributes, { image: 'busybox', name: 'web', tier: 'front' });
});

test('a renaming is told with the new name, and later events know it', (t) => {
  const told = teller();
  told.tell(born);
  const renamed = told.tell(fact('container-4c01', 'container.renamed', { oldName: 'web', name: 'www' }))!;
  t.like(renamed.attributes, { name: 'www', oldName: '/web' });
  t.is(told.tell(fact('container-4c01', 'container.paused', {}))!.attributes.name, 'www');
});

test('an exec is told with its command, a health status with its word', (t) => {
  const told = teller();
  told.tell(born);
  const created = told.tell(fact('container-4c01', 'exec.created', { id: 'e1', spec: { command: ['ls', '-l'] } }))!;
  t.like(created, { type: 'container', id: '4c01', action: 'exec_create: ls -l' });
  t.is(created.attributes.execID, 'e1');
  t.is(told.tell(fact('container-4c01', 'exec.startRequested', { id: 'e1', detach: false }))!.action, 'exec_start: ls -l');
  t.like(told.tell(fact('container-4c01', 'exec.exited', { id: 'e1', exitCode: 3 }))!.attributes, { execID: 'e1', exitCode: '3' });
  t.is(told.tell(fact('container-4c01', 'health.changed', { status: 'unhealthy', failingStreak: 3 }))!.action, 'health_status: unhealthy');
});

test('a reader that began later needs to look up whom it does not know', (t) => {
  const told = teller();
  t.false(told.knows(fact('container-4c01', 'container.started', {})));
  t.true(told.knows(fact('container-4c01', 'container.released', {})), 'of a private fact nothing is told');
  t.true(told.knows(born));
  told.learn(born);
  t.true(told.knows(fact('container-4c01', 'container.started', {})));
});

test('the JSON has Docker\'s fields in Docker\'s order, the older ones for containers and images', (t) => {
  const told = teller();
  told.tell(born);
  t.is(
    noticeJson(told.tell(fact('container-4c01', 'container.created', {}))!),
    '{"status":"create","id":"4c01","from":"busybox","Type":"container","Action":"create","Actor":{"ID":"4c01","Attributes":{"image":"busybox","name":"web","tier":"front"}},"scope":"local","time":1795601764,"timeNano":1795601764916969513}',
  );
});

const notice = (type: string, action: string, id: string, attributes: Record<string, string> = {}): Notice => ({ type, action, id, attributes, time: 0n });
const started = notice('container', 'start', '4c01db0b', { image: 'localhost:5000/web:1', name: 'web-1', tier: 'front' });
const tagged = notice('image', 'tag', `sha256:${'a'.repeat(64)}`, { name: 'busybox:latest' });
const passes = (filters: object, of: Notice) => noticeFilter(new Map(Object.entries(filters)) as NoticeFilters)(of);

test('a filter takes the beginning of an id or a name, and the whole of a type or an event', (t) => {
  for (const filters of [{}, { container: ['4c01'] }, { container: ['web'] }, { container: ['no', 'web-1'] }, { type: ['container'] }, { event: ['start'] }, { scope: ['local'] }]) {
    t.true(passes(filters, started), JSON.stringify(filters));
  }
  for (const filters of [{ container: ['eb-1'] }, { type: ['contain'] }, { event: ['star'] }, { scope: ['swarm'] }, { network: ['x'] }, { type: ['container'], event: ['stop'] }]) {
    t.false(passes(filters, started), JSON.stringify(filters));
  }
});

test('a filter by image finds the image and the containers made of it, with and without the tag', (t) => {
  for (const image of ['localhost:5000/web:1', 'localhost:5000/web']) t.true(passes({ image: [image] }, started));
  for (const image of ['busybox', 'busybox:latest', `sha256:${'a'.repeat(64)}`]) t.true(passes({ image: [image] }, tagged));
  t.false(passes({ image: ['busybox:1'] }, tagged));
  t.false(passes({ image: ['web'] }, started));
});

test('all labels of a filter must be there', (t) => {
  t.true(passes({ label: ['tier'] }, started));
  t.true(passes({ label: ['tier=front'] }, started));
  t.false(passes({ label: ['tier=front', 'other'] }, started));
});

test('execs and health are found by the beginning of their event', (t) => {
  t.true(passes({ event: ['exec_create'] }, notice('container', 'exec_create: ls', '1')));
  t.true(passes({ event: ['health_status'] }, notice('container', 'health_status: healthy', '1')));
  t.true(passes({ event: ['health_status: healthy'] }, notice('container', 'health_status: healthy', '1')));
  t.false(passes({ event: ['health_status: unhealthy'] }, notice('container', 'health_status: healthy', '1')));
});
