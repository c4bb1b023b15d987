// Passkeys need the browser's own `navigator.credentials`: this asks it with the options of the page, and sends the form of the page with
// its answer. It knows nothing else, and talks to nobody.

'use strict';

(() => {
  const form = document.querySelector('form[data-passkey]');
  if (!form) return;
  const say = (id) => {
    for (const said of document.querySelectorAll('[data-said]')) said.hidden = said.dataset.said !== id;
  };
  if (!window.PublicKeyCredential) {
    say('unable');
    return;
  }

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
  const text = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  // What JSON has as text the browser wants as bytes.
  function wanted() {
    const { publicKey } = JSON.parse(form.dataset.options);
    const known = (list) => (list ?? []).map((key) => ({ ...key, id: bytes(key.id) }));
    return {
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        ...(publicKey.user && { user: { ...publicKey.user, id: bytes(publicKey.user.id) } }),
        allowCredentials: known(publicKey.allowCredentials),
        excludeCredentials: known(publicKey.excludeCredentials),
      },
    };
  }

  // And what it answers in bytes goes as text.
  function answered(key) {
    const response = {};
    for (const part of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (key.response[part]) response[part] = text(key.response[part]);
    }
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: {}, response });
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const asked = form.dataset.passkey === 'create' ? 'create' : 'get';
    try {
      form.elements.credential.value = answered(await navigator.credentials[asked](wanted()));
    } catch {
      // the reader has changed their mind, or the device cannot
      say('undone');
      return;
    }
    form.submit();
  });
  say('');
  form.hidden = false;
})();
