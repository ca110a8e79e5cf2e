import type { Person } from '../people.ts'
import { useConnection } from './realtime.ts'

/** Says whether the page shows the orders of now. */
const Status = () => {
  const { state, transport, error } = useConnection()
  const text =
    state === 'open'
      ? `Live over ${transport}`
      : state === 'closed'
        ? `Disconnected${error ? `: ${error.message}` : ''}`
        : 'Connecting. The page may be out of date'
  return (
    <p className="status" role="status" data-state={state}>
      <span className="dot" /> {text}
    </p>
  )
}

export const Header = ({ person, onLeave }: { person: Person; onLeave: () => void }) => (
  <header className="top">
    <div className="who">
      <h1>Rookery café</h1>
      <p>
        {person.name} <span className="badge">{person.role}</span>
      </p>
    </div>
    <Status />
    <button type="button" className="quiet" onClick={onLeave}>
      Change person
    </button>
  </header>
)
