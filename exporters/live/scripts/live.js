"use strict";

/** Draws everything once while it is empty, and again whenever data arrive. */
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
