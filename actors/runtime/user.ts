// user.ts: who a container's process runs as, by the passwd and group files of its own root filesystem
import { WorldFailure } from '../world.ts';
import { type Layers, readText } from './layers.ts';
import type { User } from './oci.ts';

interface Account { name: string; uid: number; gid: number }
interface Group { name: string; gid: number; members: string[] }

/** Linux: uid_t and gid_t, less the one that means "unchanged". */
const highestId = 2 ** 32 - 2;

/** `asked`: `name`, `uid`, either with `:group` or `:gid`; empty is root. runc: libcontainer/user/user.go */
export function userFor(layers: Layers, asked: string, groupAdd: readonly string[] | null): User {
  const groups = groupsOf(readText(layers, '/etc/group') ?? '');
  const [userText = '', groupText = ''] = asked.split(':');
  const account = accountFor(accountsOf(readText(layers, '/etc/passwd') ?? ''), userText);
  const gid = groupText ? gidFor(groups, groupText) : account.gid;
  const supplementary = groupText ? [] : groups.filter(({ members }) => account.name !== '' && members.includes(account.name)).map((group) => group.gid);
  const added = (groupAdd ?? []).map((group) => gidFor(groups, group));
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...supplementary, ...added])] };
}

function accountFor(accounts: readonly Account[], text: string): Account {
  const number = idOf(text || '0');
  const found = accounts.find(({ name, uid }) => (number === null ? name === text : uid === number));
  if (found) return found;
  if (number === null) throw new WorldFailure('invalid', `unable to find user ${text}: no matching entries in passwd file`);
  return { name: '', uid: number, gid: 0 };
}

function gidFor(groups: readonly Group[], text: string): number {
  const number = idOf(text);
  const found = groups.find(({ name, gid }) => (number === null ? name === text : gid === number));
  if (found) return found.gid;
  if (number === null) throw new WorldFailure('invalid', `Unable to find group ${text}: no matching entries in group file`);
  return number;
}

function idOf(text: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const number = Number(text);
  if (number > highestId) throw new WorldFailure('invalid', 'uids and gids must be in range 0-2147483647');
  return number;
}

const rowsOf = (text: string): string[][] => text.split('\n').filter((line) => line.trim() !== '').map((line) => line.trim().split(':'));
const accountsOf = (text: string): Account[] =>
  rowsOf(text).map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number(uid), gid: Number(gid) }));
const groupsOf = (text: string): Group[] =>
  rowsOf(text).map(([name = '', , gid = '', members = '']) => ({ name, gid: Number(gid), members: members.split(',') }));
