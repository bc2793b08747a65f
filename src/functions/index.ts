/** The bundle's entry (package.json `main`): importing a file registers its function. */
import './bootstrap.ts';
import './cancel-rotation.ts';
import './health.ts';
import './inventory.ts';
import './list-rotations.ts';
import './on-vault-event-queue.ts';
import './on-vault-event.ts';
import './poison-events.ts';
import './poison-propagation.ts';
import './poison-rotation.ts';
import './propagate.ts';
import './read-rotation.ts';
import './rotate.ts';
import './start-rotation.ts';
import './supply-value.ts';
import './sweep.ts';
