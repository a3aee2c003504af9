"use strict";

/** Draws everything once, with nothing in it, and then whenever there is more. */
(() => {
  Axis.begin();
  Mesh.draw();
  Services.draw();
  Axis.listen(Users.show);
  Exercise.begin();
  Remote.begin();
  Hands.begin();
  Recent.begin();
  Requests.begin();
  Feed.begin();
  Plots.redrawn(() => {
    Users.draw();
    Services.plots();
  });
})();
