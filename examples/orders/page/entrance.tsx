import { type Person, people } from '../people.ts'

/** Vite replaces this with the address of the built file. */
const icon = new URL('./icon.svg', import.meta.url).href

const ROLES = { staff: 'Sees the orders of everybody', customer: 'Sees only their own orders' }

/** Asks who uses this tab. */
export const Entrance = ({ onChoose }: { onChoose: (person: Person) => void }) => (
  <main className="entrance">
    <div className="card">
      <img src={icon} alt="" width="56" height="56" />
      <h1>Rookery café</h1>
      <p>Open this page in two tabs, and be a customer in one and the staff in the other.</p>
      <ul className="choices">
        {people.map((person) => (
          <li key={person.id}>
            <button type="button" onClick={() => onChoose(person)}>
              <b>{person.name}</b>
              <span className="badge">{person.role}</span>
              <small>{ROLES[person.role]}</small>
            </button>
          </li>
        ))}
      </ul>
    </div>
  </main>
)
