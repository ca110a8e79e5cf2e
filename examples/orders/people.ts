/** A person of the demo. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly role: 'staff' | 'customer'
}

/** The demo's people. They have no passwords: examples/auth has a login. */
export const people: readonly Person[] = [
  { id: 'ada', name: 'Ada Lovelace', role: 'customer' },
  { id: 'alan', name: 'Alan Turing', role: 'customer' },
  { id: 'grace', name: 'Grace Hopper', role: 'staff' },
]
