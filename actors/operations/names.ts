// names.ts: names for containers that were given none: a manner and somebody of science
import type { Engine } from '../engine.ts';
import { claim } from '../ask.ts';
import { Refused } from '../refused.ts';

const manners = (
  'able agile alert amber amiable apt arctic ardent artful astute attentive avid balmy blithe bold brisk bright bubbly calm candid careful cheery civil clever ' +
  'coastal cordial cosmic crisp curious daring dapper deft diligent dreamy eager earnest easy elated elegant epic fair fearless fleet fond frank fresh friendly ' +
  'gallant gentle gifted glad golden graceful grand handy happy hardy hearty helpful honest hopeful humble icy ideal jolly jovial joyful keen kind lively loyal lucid ' +
  'lucky lunar magical mellow merry mighty mild modest neat nimble noble novel patient peaceful placid playful plucky polite proud prudent quick quiet radiant ready ' +
  'regal robust rustic sage serene sharp silent simple sincere sleek smooth snappy solar solid sound spry stable steady stellar still strong sturdy subtle sunny ' +
  'sure swift tidy tranquil trusty upbeat valiant vast velvet vivid warm wise witty worthy zealous zesty'
).split(' ');

const people = (
  'abel agnesi alhazen ampere anning archimedes aryabhata avogadro ayrton banach banu bassi bell bernoulli bhaskara bohr boltzmann boole born bose boyle brahe ' +
  'brahmagupta burnell cannon cantor carson cavendish cerf chandra chatelet church clarke copernicus cori coulomb crick curie dalton darwin descartes dijkstra ' +
  'dirac doppler einstein elion engelbart erdos euclid euler faraday fermat fermi feynman fourier franklin galilei galois gauss germain gibbs goodall goldberg ' +
  'hamilton hawking heisenberg hertz hilbert hodgkin hooke hopper hubble huygens hypatia jacobi jemison johnson joliot joule keller kepler khayyam khwarizmi ' +
  'kirch kolmogorov kovalevskaya lagrange lamarr laplace lavoisier leavitt leibniz liskov lovelace lumiere maathai margulis maxwell mayer mcclintock meitner ' +
  'mendel mendeleev merian mirzakhani mitchell montalcini moser napier nash newton nightingale nobel noether noyce ohm oppenheimer ostrom pascal pasteur pauli ' +
  'pauling payne perlman planck poincare poitras ptolemy raman ramanujan ride riemann rubin rutherford sagan sammet sanger schrodinger seaborg shannon shockley ' +
  'somerville sutherland swanson tesla tharp thompson torvalds tu turing varahamihira villani volta wescoff wilson wing wright wu yalow yonath zuse'
).split(' ');

/** As often as dockerd tries, then a digit is added, then the id serves. moby: daemon/names.go */
const attempts = 6;

function* candidates(engine: Engine, id: string): Generator<string> {
  const { random } = engine.world;
  const one = (words: readonly string[]) => words[random.integer(words.length)]!;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    yield `${one(manners)}_${one(people)}${attempt > 0 ? random.integer(10) : ''}`;
  }
  yield id.slice(0, 12);
}

const inUse = (name: string) => (holder: string) =>
  `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`;

export interface Claimed {
  readonly name: string;
  /** Once the name is in the log, or is not to be used after all. */
  release(): void;
}

export const claimName = (engine: Engine, id: string, name: string): Claimed => ({ name, release: claim(engine, 'container', name, id, inUse(name)) });

export function claimAnyName(engine: Engine, id: string): Claimed {
  for (const name of candidates(engine, id)) {
    try {
      return claimName(engine, id, name);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  throw new Refused('conflict', `no name is free for container ${id}`);
}
