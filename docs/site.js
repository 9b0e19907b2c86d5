// Wide tables scroll sideways; without a place in the tab order no keyboard could do that.
document$.subscribe(() => setTimeout(() => {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
}));
