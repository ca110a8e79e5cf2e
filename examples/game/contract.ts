import { defineContract } from 'rookery/contract'
import { z } from 'zod'

const Direction = z.union([z.literal(-1), z.literal(0), z.literal(1)])

const Input = z.object({ dx: Direction, dy: Direction })

/** The direction in which a player moves. */
export type Input = z.infer<typeof Input>

const Frame = z.object({
  /** Increases by 1 with each frame. */
  tick: z.number(),
  players: z.array(z.object({ id: z.string(), x: z.number(), y: z.number() })),
})

/** All positions after one tick. A frame is complete, so a client may miss the one before it. */
export type Frame = z.infer<typeof Frame>

export const contract = defineContract({
  topics: { 'matches/:match/frame': Frame },
  calls: {
    'matches/:match/join': { output: z.object({ player: z.string() }) },
    'matches/:match/input': { input: Input },
  },
})

/** The type of the contract. */
export type GameContract = typeof contract
