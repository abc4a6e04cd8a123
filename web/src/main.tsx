import { createRoot } from 'react-dom/client';
import './app.css';
import { withNonce } from './nonce';
import { Root } from './shell/Root';

const nonce = withNonce();
const place = document.getElementById('root');
if (place) createRoot(place).render(<Root nonce={nonce} />);
