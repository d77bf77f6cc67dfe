// refused.ts: a refusal on its way to the one who asked
import type { Refusal, RefusalKind } from '../machines/refusal.ts';

export class Refused extends Error {
  readonly kind: RefusalKind;
  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.name = 'Refused';
    this.kind = kind;
  }
  static of(refusal: Refusal): Refused {
    return new Refused(refusal.refused, refusal.message);
  }
}
