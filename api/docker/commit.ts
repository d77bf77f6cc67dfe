// commit.ts: POST /commit: an image made of a container
import { commitContainer } from '../../actors/operations/commit.ts';
import { parseReference } from '../../actors/registry/reference.ts';
import type { ContainerConfig } from '../../events/spec.ts';
import { fromGoJson } from './go-json.ts';
import { flag, text } from './query.ts';
import { command, json, type Answer, type Call, type Row } from './route.ts';
import { configShape } from './shapes/container-request.ts';

async function commit(call: Call): Promise<Answer> {
  const { engine, query, asker } = call;
  const [repository, tag] = [text(query, 'repo'), text(query, 'tag')];
  const id = await commitContainer(engine, text(query, 'container'), {
    reference: repository === '' ? null : parseReference(tag === '' ? repository : `${repository}:${tag}`),
    comment: text(query, 'comment'), author: text(query, 'author'), pause: flag(query, 'pause', true), changes: query.getAll('changes'),
    config: fromGoJson<ContainerConfig>('CreateRequest', configShape, await call.json()),
  }, asker);
  return json({ Id: id }, 201);
}

export const rows: readonly Row[] = [command('POST', '/commit', commit)];
