/* Classic script, blocking, first in <head>: theme and language stand before the first paint, so neither flashes. */
(function () {
  'use strict';
  var root = document.documentElement,
    media = matchMedia('(prefers-color-scheme: dark)'),
    store = null;
  try {
    store = window.localStorage;
  } catch (error) {
    store = null;
  }
  var query = new URLSearchParams(location.search);
  function kept(key) {
    try {
      return query.get(key) || (store && store.getItem('wharfinger.' + key));
    } catch (error) {
      return null;
    }
  }
  function apply() {
    var choice = kept('theme');
    root.dataset.theme = choice === 'dark' || choice === 'light' ? choice : media.matches ? 'dark' : 'light';
  }
  var language = kept('lang');
  if (language === 'ko' || language === 'en') root.lang = language;
  if (root.lang === 'ko') root.dataset.untranslated = '';
  apply();
  media.addEventListener('change', function () {
    apply();
    root.dispatchEvent(new Event('themechange'));
  });
})();
