"use strict";

/** What the reader has chosen: a service or an edge (or neither), a trace, the run that the mesh shows. */
const Choice = (() => {
  const listeners = [];
  const now = { service: null, edge: null, trace: null, run: 0 };

  /** Choose something else, and tell everything that depends on it. Choosing the same again takes it back. */
  function change(what) {
    Object.assign(now, what);
    listeners.forEach((listener) => listener(now));
  }

  function toggleService(name) {
    change({ service: now.service === name ? null : name, edge: null });
  }

  function toggleEdge(caller, callee) {
    const same = now.edge?.caller === caller && now.edge?.callee === callee;
    change({ service: null, edge: same ? null : { caller, callee } });
  }

  /** Whether something at a service, of a call to a target perhaps, belongs to what is chosen. */
  function has(service, target = null) {
    if (now.edge) return service === now.edge.caller ? target === null || target === now.edge.callee : service === now.edge.callee;
    return now.service === null || service === now.service || target === now.service;
  }

  return {
    now,
    change,
    toggleService,
    toggleEdge,
    has,
    get name() {
      return now.service ?? (now.edge ? `${now.edge.caller} → ${now.edge.callee}` : null);
    },
    listen: (listener) => listeners.push(listener),
  };
})();
