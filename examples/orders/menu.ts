/** What customers can order. In a file of its own, so that the page loads no schema library for it. */
export const ITEMS = ['Espresso', 'Flat white', 'Green tea', 'Walnut cake'] as const

/** The states of an order, in this order. */
export const STATES = ['placed', 'preparing', 'ready', 'collected'] as const

export type State = (typeof STATES)[number]

/** The state after this one. Undefined after the last one. */
export const nextState = (state: State): State | undefined => STATES[STATES.indexOf(state) + 1]
